"""Effects → findings: what is reported, what is suppressed, in which order."""

"""What a person sees: the command line, figures and the report. Nothing else imports this package."""

"""The studio: an atlas as a page in the browser, served by a small server on this machine alone.

The server keeps nothing that the atlas folder does not: what it holds in memory is read from there, and read again when it
changes. Whoever asks must pass the wall (`security`); what draws waits in one short queue (`work`).
"""

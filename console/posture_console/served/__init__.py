"""The console in a browser: a local web server, and for each page a console of its own."""

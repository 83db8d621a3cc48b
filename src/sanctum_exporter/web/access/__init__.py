"""Who may see what is served: the web configuration file, TLS, passwords."""

"""Judge any installed SINETStream plugin against the plugin contract."""

"""The viz extension: what the mesh's proxies measure, asked for by resource.

Rooms: parse store quantile counters (PURE: text to samples to figures) < inventory (PURE: which pod belongs to what)
< stat edges (PURE: answers) < scraper discovery api (IO) < app.
"""

"""The viz extension: what the mesh's proxies measure, asked for by resource.

Rooms: families measurements (what is kept, and the interface to it) < pages ring store rollups (PURE: text to figures
over time) < embedded | prometheus (two places where measurements come from) ; quantile figures selectors inventory
query (PURE) < stat edges routes authz pods history certificates (answers) < scraper discovery api (IO) < app.
"""

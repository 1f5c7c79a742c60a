"""Where buckets are worked on: processes of this machine, or a Dask cluster. Engines move buckets and know no lead."""

#!lua flags=allow-oom
-- Nothing, in a way that only a primary which takes writes allows.
return 1

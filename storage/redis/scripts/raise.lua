#!lua flags=allow-oom
-- A write that every change is confirmed by.
-- KEYS epoch
return redis.call('INCR', KEYS[1])

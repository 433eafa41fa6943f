#!lua flags=allow-oom
-- A change of nothing: once replicas have it, they have what was written before.
-- KEYS epoch epoch
return {'OK', redis.call('INCR', KEYS[2])}

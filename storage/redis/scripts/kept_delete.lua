#!lua flags=allow-oom
-- Ends a value. It may be repeated.
-- KEYS value epoch  ARGV op retry
local epoch = redis.call('GET', KEYS[2]) or 0
redis.call('DEL', KEYS[1])
return {'OK', epoch}

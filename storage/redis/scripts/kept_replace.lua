#!lua flags=allow-oom
-- As kept_put, on a server that is full: only in place of a value that is there.
-- KEYS value epoch  ARGV op retry milliseconds value
local epoch = redis.call('GET', KEYS[2]) or 0
if redis.call('EXISTS', KEYS[1]) == 0 then return {'NOTFOUND', epoch} end
redis.call('SET', KEYS[1], 'v' .. ARGV[4], 'PX', ARGV[3])
return {'OK', epoch}

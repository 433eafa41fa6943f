#!lua flags=allow-oom
-- Until when work that is due by the clock is done, unless that is later already. It
-- may be repeated.
-- KEYS jobs epoch  ARGV op retry name milliseconds
local epoch = redis.call('GET', KEYS[2]) or 0
local before = redis.call('HGET', KEYS[1], ARGV[3])
if not before or tonumber(before) < tonumber(ARGV[4]) then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
return {'OK', epoch}

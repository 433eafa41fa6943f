#!lua flags=allow-oom
-- The end of one JWT, kept until it would have expired anyway.
-- KEYS pat epoch jti audit  ARGV op retry member expiry event
--include clock
--include ended
local epoch = redis.call('GET', KEYS[2]) or 0
if redis.call('EXISTS', KEYS[1]) == 0 then return {'NOTFOUND', epoch} end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now))
if now >= tonumber(ARGV[4]) then return {'OK', epoch, 0} end
if redis.call('ZSCORE', KEYS[3], ARGV[3]) then return {'OK', epoch, tonumber(ARGV[2])} end
local log = ends(KEYS[4])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
tell(log, 'j' .. ARGV[4] .. ':' .. ARGV[3])
redis.call('XADD', KEYS[4], '*', 'event', ARGV[5])
return {'OK', redis.call('INCR', KEYS[2]), 1}

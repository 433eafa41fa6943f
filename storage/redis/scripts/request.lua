#!lua flags=allow-oom
-- One request of a token, in a window of time that its first one began.
-- KEYS requests epoch  ARGV most length
local epoch = redis.call('GET', KEYS[2]) or 0
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if n <= tonumber(ARGV[1]) then return {'OK', epoch, 0} end
return {'OK', epoch, math.max(1, redis.call('PTTL', KEYS[1]))}

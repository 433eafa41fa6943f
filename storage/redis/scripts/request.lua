#!lua flags=allow-oom
-- One request of a token, in a window of time that its first one began.
-- Returns how many there were, this one included, and how long the window lasts.
-- KEYS requests epoch  ARGV length
local epoch = redis.call('GET', KEYS[2]) or 0
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {'OK', epoch, n, math.max(1, redis.call('PTTL', KEYS[1]))}

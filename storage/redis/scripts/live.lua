#!lua flags=allow-oom
-- A token with its owner, for a JWT of it. It writes nothing, and is no
-- read-only script all the same: a replica has to refuse it.
-- KEYS pat epoch jti  ARGV now skew prefix member
--include clock
--include rest
if math.abs(now - ARGV[1]) > ARGV[2] + 0 then return cmsgpack.pack({'SKEW', 0}) end
local epoch = tonumber(redis.call('GET', KEYS[2]) or 0)
local v = redis.call('HMGET', KEYS[1], 'current', 'previous', 'previous_until')
local p, seldom = rest(KEYS[1], v)
if not p[1] then return cmsgpack.pack({'NOTFOUND', epoch}) end
local ends = redis.call('ZSCORE', KEYS[3], ARGV[4])
local revoked = (ends and now < tonumber(ends)) and 2 or 0
return cmsgpack.pack({'OK', epoch, now, revoked, v, p, seldom, redis.call('HGET', ARGV[3] .. 'idn:' .. p[3], 'record')})

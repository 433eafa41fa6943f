#!lua flags=allow-oom
-- A changed identity, if its revision still is the one that was read and, where
-- logins were reserved for it, while that reservation holds.
-- KEYS idn epoch audit identities
-- ARGV op retry event id created deadline revision ends (field value)…
--include clock
--include room
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'rev', 'op')
if not p[2] then return {'NOTFOUND', epoch} end
if p[2] ~= '' and p[2] == ARGV[1] then return {'OK', epoch} end
if (p[1] or '') ~= ARGV[7] then return {'CONFLICT', epoch} end
if ARGV[6] ~= '' and now > tonumber(ARGV[6]) then return {'LATE', epoch} end
if ARGV[8] == '' and not room(KEYS[3]) then return {'FULL', epoch} end
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 9))
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}

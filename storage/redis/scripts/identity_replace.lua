#!lua flags=allow-oom
-- A changed identity, if its revision still is the one that was read and, where
-- logins were reserved for it, while that reservation holds.
-- KEYS idn epoch audit identities
-- ARGV op retry event id prefix created deadline revision ends (field value)… record
--include clock
--include groups
--include room
--include ended
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'rev', 'op', 'record')
if not p[2] then return {'NOTFOUND', epoch} end
if p[2] ~= '' and p[2] == ARGV[1] then return {'OK', epoch} end
if (p[1] or '') ~= ARGV[8] then return {'CONFLICT', epoch} end
if ARGV[7] ~= '' and now > tonumber(ARGV[7]) then return {'LATE', epoch} end
if ARGV[9] == '' and not room(KEYS[3]) then return {'FULL', epoch} end
local before, after = groups(ARGV[5], p[3] or ''), groups(ARGV[5], ARGV[#ARGV])
look(before)
look(after)
local function enabled(record) return packed(record, 9) ~= '' end
local log = enabled(p[3] or '') and not enabled(ARGV[#ARGV]) and ends(KEYS[3])
if log then tell(log, 'o' .. ARGV[4]) end
redis.call('HSET', KEYS[1], 'op', ARGV[1], unpack(ARGV, 10))
redis.call('ZADD', KEYS[4], ARGV[6], ARGV[4])
move(ARGV[4], before, after)
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}

#!lua flags=allow-oom
-- The end of an identity and of every token that it owns.
-- KEYS idn epoch audit owned  ARGV op retry event id prefix
--include drop
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'organization', 'record')
if not p[1] then return {ARGV[2] == '1' and 'OK' or 'NOTFOUND', epoch} end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[4])) do drop(ARGV[5], id) end
redis.call('DEL', KEYS[1], KEYS[4])
redis.call('ZREM', ARGV[5] .. 'org:' .. p[1] .. ':identities', ARGV[4])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2]), {p[2]}}

#!lua flags=allow-oom
-- The next state of the key ring, if its version still is the wanted one. Keys change
-- by the clock or because one leaked: neither waits for room among the events.
-- KEYS keys epoch audit  ARGV op retry event want next state
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'version', 'op')
if p[2] ~= '' and p[2] == ARGV[1] then return {'OK', epoch} end
if (p[1] or '0') ~= ARGV[4] then return {'CONFLICT', epoch} end
redis.call('HSET', KEYS[1], 'version', ARGV[5], 'state', ARGV[6], 'op', ARGV[1])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}

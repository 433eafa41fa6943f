#!lua flags=allow-oom
-- The end of an identity and of every token that it owns, of which each has its
-- own event (pat.DeletedWithOwner).
-- KEYS idn epoch audit names owned  ARGV op retry event id prefix time actor ip agent tracking
--include drop
--include groups
--include pack
--include ended
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'organization', 'record')
if not p[1] then return {ARGV[2] == '1' and 'OK' or 'NOTFOUND', epoch} end
local identities = ARGV[5] .. 'org:' .. p[1] .. ':identities'
local member_of = groups(ARGV[5], p[2])
redis.call('EXISTS', identities)
look(member_of)
local tokens = {}
for _, id in ipairs(redis.call('HVALS', KEYS[4])) do tokens[#tokens + 1] = find(ARGV[5], id) end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[5])) do tokens[#tokens + 1] = find(ARGV[5], id) end
local log = #tokens > 0 and ends(KEYS[3])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
for _, token in ipairs(tokens) do
  drop(token)
  tell(log, 'p' .. token.bytes)
  redis.call('XADD', KEYS[3], '*', 'event',
    pack({string.sub(redis.sha1hex('deleted:' .. token.id), 1, 32), ARGV[6], 'PERSONAL_ACCESS_TOKEN_DELETED', ''})
    .. 'h' .. token.organization .. 'h' .. token.bytes
    .. pack({token.owner, ARGV[7] == '' and '-' or ARGV[7], ARGV[8], ARGV[9], ARGV[10]}))
end
redis.call('DEL', KEYS[1], KEYS[5])
redis.call('ZREM', identities, ARGV[4])
move(ARGV[4], member_of, {})
return {'OK', redis.call('INCR', KEYS[2]), {p[2]}}

#!lua flags=allow-oom
-- The end of a token and its index entries, whose keys follow from the record.
-- KEYS pat epoch audit  ARGV op retry event id prefix
--include drop
--include ended
local token = find(ARGV[5], ARGV[4])
if not token then
  local epoch = redis.call('GET', KEYS[2]) or 0
  return {ARGV[2] == '1' and 'OK' or 'NOTFOUND', epoch}
end
local log = ends(KEYS[3])
drop(token)
tell(log, 'p' .. token.bytes)
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2])}

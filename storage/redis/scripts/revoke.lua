#!lua flags=allow-oom
-- A revocation, where its guard holds. The key of the holder follows from the
-- record. One that is repeated, of a generation that this server has lost, says that
-- this generation was there and has ended: so it is taken over, and what made it cannot
-- bring it back when it is repeated later. "ahead" counts the revisions that
-- repetitions have made and no process knows: see againReplaced.
-- KEYS pat epoch audit  ARGV op retry event id prefix generation to at by reason reversible
--include ended
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'state', 'gen', 'reversible', 'op', 'owner', 'level_id')
if not p[1] then return {'NOTFOUND', epoch} end
if ARGV[2] == '1' and p[4] == ARGV[1] then return {'OK', epoch, 1, redis.call('HMGET', KEYS[1], $TOKEN)} end
local active = p[1] == 'ACTIVE'
local function revise()
  redis.call('HINCRBY', KEYS[1], 'rev', 1)
  if ARGV[2] == '1' then redis.call('HINCRBY', KEYS[1], 'ahead', 1) end
end
local behind = ARGV[2] == '1' and tonumber(p[2] or 0) < tonumber(ARGV[6])
local final = p[1] == 'REVOKED' and p[3] == '1' and ARGV[11] == ''
if tonumber(p[2] or 0) > tonumber(ARGV[6]) or not (active or final) then
  if behind then
    local log = ends(KEYS[3])
    redis.call('HSET', KEYS[1], 'gen', ARGV[6])
    revise()
    tell(log, 'p' .. ARGV[4] .. ARGV[6])
    epoch = redis.call('INCR', KEYS[2])
  end
  return {'OK', epoch, 0, redis.call('HMGET', KEYS[1], $TOKEN)}
end
local live = ARGV[5] .. 'live:' .. (p[6] or p[5])
redis.call('EXISTS', live) -- it may be on its way to another server: then nothing is written
local log = ends(KEYS[3])
revise()
if behind then redis.call('HSET', KEYS[1], 'gen', ARGV[6]) end
tell(log, 'p' .. ARGV[4] .. (behind and ARGV[6] or p[2] or '0'))
local function put(field, value)
  if value ~= '' then redis.call('HSET', KEYS[1], field, value) else redis.call('HDEL', KEYS[1], field) end
end
if active then
  put('state', ARGV[7])
  put('revoked_at', ARGV[8])
end
put('revoked_by', ARGV[9])
put('revoke_reason', ARGV[10])
put('reversible', ARGV[11])
put('op', ARGV[1])
redis.call('ZREM', live, ARGV[4])
redis.call('XADD', KEYS[3], '*', 'event', ARGV[3])
return {'OK', redis.call('INCR', KEYS[2]), 1, redis.call('HMGET', KEYS[1], $TOKEN)}

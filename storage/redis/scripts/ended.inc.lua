-- ends is the stream of what ended in the shard of a stream of events. It looks at it,
-- so that one that is on its way to another server of a cluster is noticed before
-- anything is written.
local function ends(audit)
  local key = string.sub(audit, 1, -6) .. 'ended'
  redis.call('EXISTS', key)
  return key
end

-- tell says there what ended: "p", the bytes of a token and the last generation that
-- did, none for every one; "j", when a JWT expires, its token and itself, with colons
-- between; "o" and the bytes of an identity. It needs no
-- room among the events that await shipping.
local function tell(key, what)
  local time = redis.call('TIME')
  redis.call('XADD', key, 'MINID', '~', string.format('%.0f', time[1] * 1000 - $ENDEDWINDOW), '*', 'e', what)
  redis.call('PEXPIRE', key, $ENDEDWINDOW)
end

#!lua flags=allow-oom
-- The whole catalog of one version.
-- KEYS catalog epoch organizations groups assignments
return {'OK', redis.call('GET', KEYS[2]) or 0, redis.call('HGET', KEYS[1], 'version') or '0',
  redis.call('HVALS', KEYS[3]), redis.call('HVALS', KEYS[4]), redis.call('HVALS', KEYS[5])}

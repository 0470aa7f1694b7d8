local index, base, found = KEYS[1], ARGV[1], {}
for _, sid in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local bytes = redis.call('GET', base .. 's:' .. sid)
  if bytes then
    found[#found + 1] = sid
    found[#found + 1] = bytes
  end
end
return found

-- A sign of life, which goes the way of the changes. It takes a write, so that only a server that takes
-- writes gives one: one that needs no memory, so that a full server gives one as well. The key holds
-- what the server's data is called: whoever empties the server takes the name away.
local life = KEYS[1]
local message, bus, cluster, new = unpack(ARGV)

-- The primaries that have slots, as this one sees them, and where its own slots are just going.
local function view()
  local ids, has, going = {}, {}, {}
  local shape = '^(%x+) %S+ (%S+) %S+ %S+ %S+ %S+ %S+ (.+)$'
  for line in string.gmatch(redis.call('CLUSTER', 'NODES'), '[^\r\n]+') do
    local id, flags, slots = string.match(line, shape)
    if id and string.find(flags, 'master', 1, true) and string.find(' ' .. slots, ' %d') then
      ids[#ids + 1], has[id] = id, true
    end
    if id and string.find(flags, 'myself', 1, true) then
      for target in string.gmatch(slots, '%->%-(%x+)') do going[#going + 1] = target end
    end
  end
  table.sort(ids)
  return ids, has, going
end

redis.call('PERSIST', life)
local source = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if not source then error('AUTHBEAT INFO shows no replication id') end
local name, count = redis.call('GET', life), 1
if not name then
  name = new
  redis.call('SET', life, name)
end
source = source .. '-' .. name
if cluster == '1' then
  local ids, has, going = view()
  -- What is written there already is heard from there only when it is a source itself.
  for _, id in ipairs(going) do
    if not has[id] then error('AUTHBEAT slots are moving to a server that has none yet') end
  end
  source = source .. '-' .. string.sub(redis.sha1hex(table.concat(ids)), 1, 16)
  count = #ids
end
redis.call('PUBLISH', bus, message .. ' ' .. source)
return {source, count}

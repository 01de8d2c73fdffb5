import { createHash } from 'node:crypto'
import { LOADING_RETRY_AFTER_MS, MAX_LEASE_MS } from '@mediakeep/core'

/*
 * Each change is the function `transition` of core in one script, on one key, by the clock of the Redis that holds it.
 * Redis forgets every key by itself: settled states at their end, all else TOKEN_KEPT_MS after it.
 */

/** How long the last token of a key is remembered: a clock that is set back by less never makes one go back. */
const TOKEN_KEPT_MS: number = 10 * 60_000

export interface Script {
  readonly text: string
  readonly sha: string
}

/** What all begin with. ARGV[1] is the channel, ARGV[2] the key as its users call it, ARGV[3] the token of a lease. */
const HEAD = `
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local nowMs = math.floor(micros / 1000)
local kept = redis.pcall('GET', KEYS[1])
local state, token, endsAtMs, facts = nil, 0, 0, ''
if type(kept) == 'string' then
  local s, t, e, f = string.match(kept, '^(%l+) (%d+) (%d+) (.*)$')
  if s and #t < 17 and #e < 17 then state, token, endsAtMs, facts = s, tonumber(t), tonumber(e), f end
end
local isLive = endsAtMs > nowMs
local isHolder = isLive and state == 'loading' and token == tonumber(ARGV[3])
local function keep(word, number, ends, rest, ttlMs)
  local value = string.format('%s %.0f %.0f %s', word, number, ends, rest)
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.max(ttlMs, 1)))
end
local function forget()
  if token > 0 then keep('forgotten', token, 0, '', ${TOKEN_KEPT_MS}) else redis.call('DEL', KEYS[1]) end
end
local function tell() redis.call('PUBLISH', ARGV[1], ARGV[2]) end
`

function script(body: string): Script {
  const text = HEAD + body
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** ARGV[4] the life, ARGV[5] the estimate. Gives token and end; nothing where it is refused. */
export const CLAIM: Script = script(`
if isLive and state ~= 'cold' then return false end
local ttlMs = tonumber(ARGV[4])
local nextToken = math.max(token + 1, micros)
local dueAtMs = nowMs + (tonumber(ARGV[5]) or ${LOADING_RETRY_AFTER_MS})
keep('loading', nextToken, nowMs + ttlMs, string.format('%.0f %.0f', nowMs, dueAtMs), ttlMs + ${TOKEN_KEPT_MS})
tell()
return {string.format('%.0f', nextToken), string.format('%.0f', nowMs + ttlMs)}
`)

/** ARGV[4] the life, ARGV[5] the estimate, ARGV[6] the progress. Gives the end; nothing where the lease is over. */
export const EXTEND: Script = script(`
if not isHolder then return false end
local ends = math.max(endsAtMs, nowMs + tonumber(ARGV[4]))
local claimedAtMs, dueAtMs = string.match(facts, '^(%d+) (%d+)$')
claimedAtMs, dueAtMs = tonumber(claimedAtMs) or nowMs, tonumber(dueAtMs) or nowMs
local estimateMs, progress = tonumber(ARGV[5]), tonumber(ARGV[6])
if estimateMs then
  dueAtMs = nowMs + estimateMs
elseif progress and progress > 0 then
  local spentMs = math.max(nowMs - claimedAtMs, 0)
  dueAtMs = nowMs + math.min(spentMs * (1 - progress) / progress, ${MAX_LEASE_MS})
end
keep('loading', token, ends, string.format('%.0f %.0f', claimedAtMs, dueAtMs), ends - nowMs + ${TOKEN_KEPT_MS})
return {string.format('%.0f', ends)}
`)

/** ARGV[4] the word of the state, ARGV[5] its facts, ARGV[6] its life. Gives 1; 0 where the lease is over. */
export const SETTLE: Script = script(`
if not isHolder then return 0 end
local lifeMs = tonumber(ARGV[6])
local ttlMs = lifeMs
if ARGV[4] == 'failed' then ttlMs = lifeMs + ${TOKEN_KEPT_MS} end
keep(ARGV[4], token, nowMs + lifeMs, ARGV[5], ttlMs)
tell()
return 1
`)

export const RELEASE: Script = script(`
if not isHolder then return 0 end
forget()
tell()
return 1
`)

export const INVALIDATE: Script = script(`
if kept then forget() end
tell()
return 1
`)

/** What is kept, and the time: for states that end or count down. */
export const LOOK: Script = script(`
if type(kept) ~= 'string' then return false end
return {kept, string.format('%.0f', nowMs)}
`)

/** ARGV[4] what was found damaged: gone, unless somebody wrote anew. */
export const DROP: Script = script(`
if kept == ARGV[4] or type(kept) == 'table' then redis.call('DEL', KEYS[1]) end
return 1
`)

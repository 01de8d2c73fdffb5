import { randomUUID } from 'node:crypto'
import { isCluster, type RedisClient, type RedisClusterClient, type RedisSubscriber } from './client.ts'
import type { Link } from './link.ts'

/** How long a connection that listens may take to be made. */
const CONNECT_MS = 1_000

export interface ChangeListener {
  readonly onChange: (keys: readonly string[]) => void
  readonly onGap: () => void
}

/** What this handle hears of changes of all handles. */
export interface Changes {
  /** Returns how to stop. */
  add(listener: ChangeListener): () => void
  close(): void
}

export interface ChangesOptions {
  readonly client: RedisClient | RedisClusterClient
  readonly link: Link
  readonly prefix: string
  readonly heartbeatMs: number
}

export const channelOf = (prefix: string): string => `${prefix}changes`

/**
 * Listens on a connection of its own while anybody wants to know. Messages are not kept for who is away, so each time
 * that it begins to listen, and when it may have missed any, listeners are told of a gap: when the connection ends, and
 * when an echo fails to come. An echo is a message of our own to a channel of our own, through every primary: it shows
 * that changes come through, which an open connection to a Redis that stands still does not. While none comes, the gap is
 * told with every heartbeat: what listeners keep is never older than that.
 */
export function createChanges({ client, link, prefix, heartbeatMs }: ChangesOptions): Changes {
  const changed = channelOf(prefix)
  const echoed = `${prefix}echo:${randomUUID()}`
  const listeners = new Set<ChangeListener>()
  const awaited = new Set<string>()
  let echoes = 0
  let subscriber: RedisSubscriber | undefined
  let timer: NodeJS.Timeout | undefined

  const tellGap = (): void => {
    for (const { onGap } of [...listeners]) silently(onGap)
  }
  const later = (work: () => void): void => {
    clearTimeout(timer)
    timer = setTimeout(work, heartbeatMs)
    timer.unref()
  }
  const drop = (): void => {
    const dropped = subscriber
    subscriber = undefined
    clearTimeout(timer)
    timer = undefined
    dropped?.disconnect()
  }
  /** Of a connection that was dropped nothing counts any more. */
  const lose = (lost: RedisSubscriber): void => {
    if (lost !== subscriber) return
    drop()
    later(open)
    tellGap()
  }

  const open = (): void => {
    const opened = duplicateOf(client)
    if (opened === undefined) {
      later(open)
      tellGap()
      return
    }
    subscriber = opened
    awaited.clear()
    opened.on('error', () => undefined)
    opened.on('end', () => lose(opened))
    opened.on('message', (channel: string, message: string) => {
      if (opened !== subscriber) return
      if (channel === changed) for (const { onChange } of [...listeners]) silently(() => onChange([message]))
      else awaited.delete(message)
    })
    const slow = setTimeout(() => lose(opened), CONNECT_MS)
    slow.unref()
    const listen = async (): Promise<void> => {
      await opened.connect()
      await opened.subscribe(changed, echoed)
      clearTimeout(slow)
      if (opened !== subscriber) return
      tellGap()
      later(() => beat(opened))
    }
    listen().catch(() => {
      clearTimeout(slow)
      lose(opened)
    })
  }

  const beat = (beating: RedisSubscriber): void => {
    if (awaited.size > 0) return lose(beating)
    later(() => beat(beating))
    const primaries = isCluster(client) ? client.nodes('master') : [client]
    for (const primary of primaries) {
      const echo = String(echoes++)
      awaited.add(echo)
      link.call('listen', () => primary.publish(echoed, echo)).catch(() => lose(beating))
    }
  }

  return {
    add(listener) {
      listeners.add(listener)
      if (listeners.size === 1)
        // The nodes of a cluster are known from then on.
        void link.firstTry.then(() => {
          if (listeners.size > 0 && subscriber === undefined && timer === undefined) open()
        })
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) drop()
      }
    },
    close() {
      listeners.clear()
      drop()
    },
  }
}

/** A connection to the same server, to any primary of a cluster: changes are told on all of them. */
function duplicateOf(client: RedisClient | RedisClusterClient): RedisSubscriber | undefined {
  const sources = isCluster(client) ? client.nodes('master') : [client]
  return sources[Math.floor(Math.random() * sources.length)]?.duplicate({
    autoResubscribe: false,
    connectionName: 'mediakeep-changes',
    disconnectTimeout: 200,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    keyPrefix: '',
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    // Connecting again is a gap, which nobody but us can tell.
    retryStrategy: () => null,
  })
}

/** What a listener throws is its own. */
function silently(tell: () => void): void {
  try {
    tell()
  } catch {
    // A listener can never fail the change it is told of.
  }
}

import { afterAll, beforeAll, expect } from 'vitest'
import { missingServer } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'
import { type Addresses, missingProxy, type RunningProxy } from './proxies.ts'
import {
  type Answer,
  type Ask,
  type Asked,
  ask,
  SIGN_IN_PROXY,
  type Stage,
  startStage,
} from './proxy-stage.ts'

export interface ProxyUnderTest {
  readonly name: 'nginx' | 'caddy'
  start(addresses: Addresses, edit?: (text: string) => string): Promise<RunningProxy>
  /** What a client is told of a media that is loading. */
  readonly loadingStatus: 503 | 429
  /** Whether the gate's own bodies reach the client. */
  readonly passesBodies: boolean
  /** Of the bucket's tier. */
  readonly prefix: string
}

/** Where a request went: never to two places. */
export type Went = { readonly to: 'bucket' | 'content'; readonly asked: Asked } | { readonly to: 'nowhere' }

export interface Scene {
  readonly stage: Stage
  readonly running: RunningProxy
  through(path: string, options?: Ask): Promise<Answer & { readonly went: Went }>
}

export const TEXT = '/media/k/text/a%20b.txt'
export const IMAGE = '/media/k/image'
export const SECRET = '/media/k/secret'
const ALL_KINDS = /xml|<Error|Bucket|minio|request-?id["<]/i

/** Groups of cases in front of one proxy. */
export function describeProxy(
  proxy: ProxyUnderTest,
  groups: readonly ((proxy: ProxyUnderTest, scene: () => Scene) => void)[],
): void {
  const missing = missingProxy(proxy.name) ?? missingServer('minio')
  describeUnless(missing, `the gate behind ${proxy.name}`, () => {
    let found: Scene | undefined
    beforeAll(async () => {
      const stage = await startStage(proxy.name, proxy.prefix)
      const running = await proxy.start(stage.addresses)
      const through: Scene['through'] = async (path, options) => {
        for (const { asked } of [stage.bucket, stage.content]) asked.length = 0
        const answer = await ask(running.port, path, options)
        return { ...answer, went: wentOf(stage) }
      }
      found = { stage, running, through }
    })
    afterAll(async () => {
      await found?.running.stop()
      await found?.stage.stop()
    })
    const scene = (): Scene => {
      if (found === undefined) throw new Error('the scene is there from the first beforeAll on')
      return found
    }
    for (const group of groups) group(proxy, scene)
  })
}

export function wentOf({ bucket, content }: Stage): Went {
  const [first, ...others] = [
    ...bucket.asked.map((asked) => ({ to: 'bucket' as const, asked })),
    ...content.asked.map((asked) => ({ to: 'content' as const, asked })),
  ]
  if (others.length > 0) throw new Error('one request went on more than once')
  return first ?? { to: 'nowhere' }
}

/** What a client can tell of an answer, apart from who wrote it and when. */
const FACTS = [
  'content-type',
  'content-length',
  'content-range',
  'content-disposition',
  'cache-control',
  'etag',
  'last-modified',
  'accept-ranges',
  'x-content-type-options',
  'content-security-policy',
  'cross-origin-resource-policy',
  'vary',
]
export const factsOf = ({ status, headers, body }: Answer): Record<string, unknown> => ({
  status,
  body: status < 300 ? body.toString() : '',
  ...Object.fromEntries(
    FACTS.filter((name) => status < 300 || !['content-type', 'content-length', 'vary'].includes(name)).map(
      // Answers to conditions are of the gate, which does not say whether the media is public.
      (name) => [name, status < 400 ? headers[name] : String(headers[name]).replace('private, ', '')],
    ),
  ),
})

/** The bucket's answers are told by its own type and pages: none of them may be seen. */
export function expectNothingOfTheBucket({ headers, body }: Answer): void {
  expect(body.toString()).not.toMatch(ALL_KINDS)
  expect(headers['content-type'] ?? '').not.toContain('xml')
  const names = Object.keys(headers).filter((name) => /^x-(amz|minio|ratelimit)/.test(name))
  expect(names).toEqual([])
}

export function ranged(more: Ask = {}): Ask {
  return { headers: { ...more.headers, range: 'bytes=2-4' } }
}

export function signedIn(): Ask {
  return { from: SIGN_IN_PROXY, headers: { 'x-forwarded-user': 'bob' } }
}

export function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toUTCString()
}

import {
  type Access,
  createKeyRing,
  createSigningKey,
  type Media,
  MediaError,
  type MediaStore,
} from '@mediakeep/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { mediaRouter } from './router/media-router.ts'
import { type Answer, formOf, memoryMedia, namedAccess, PNG, serve, type Wire } from './wire.fixture.ts'

const UNKNOWN = '018f0000-0000-7000-8000-000000000000'
const BAD_IDS = ['1', 'x', '..', '%2e%2e', '%00', '%zz', `${UNKNOWN}0`, UNKNOWN.replace('7000', '4000')]

let store: MediaStore
let wire: Wire
let hidden: Media
let shown: Media

beforeAll(async () => {
  store = await memoryMedia({ publicBaseUrl: 'http://127.0.0.1/', keys: createKeyRing([createSigningKey()]) })
  wire = await serve(mediaRouter(store, { access: namedAccess() }))
  hidden = await store.put(PNG, {
    owner: 'ann',
    filename: 'a.png',
    at: { key: 'ann/hidden.png' },
    tags: ['t'],
    links: [{ kind: 'k', target: 't' }],
  })
  shown = await store.put(PNG, {
    owner: 'ann',
    filename: 'a.png',
    visibility: 'public',
    links: [{ kind: 'k', target: 't' }],
  })
})
afterAll(async () => {
  await wire.close()
  await store.close()
})

const as = (name: string): Record<string, string> => ({ authorization: `as ${name}` })
const ask = (
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> =>
  wire.ask(path, {
    method,
    headers: { 'x-request-id': 'same', ...headers },
    ...(body === undefined ? {} : { body }),
  })

/** All that a client can see, but for the time. */
function seen({ status, headers, body }: Answer): unknown {
  const { date: _, ...rest } = headers
  return { status, headers: rest, body: body.toString() }
}

describe('what is private to somebody else', () => {
  interface Door {
    readonly name: string
    readonly method: string
    readonly tail: string
    readonly headers?: Record<string, string>
    readonly body?: string
  }
  const door = (
    name: string,
    method: string,
    tail: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Door => ({ name, method, tail, headers, ...(body === undefined ? {} : { body }) })
  const doors = [
    door('the record', 'GET', ''),
    door('HEAD of the record', 'HEAD', ''),
    door('the bytes', 'GET', '/content'),
    door('HEAD of the bytes', 'HEAD', '/content'),
    door('the download', 'GET', '/download'),
    door('a range', 'GET', '/content', { range: 'bytes=0-1' }),
    door('a range past the end', 'GET', '/content', { range: 'bytes=100000-' }),
    door('If-None-Match: *', 'GET', '/content', { 'if-none-match': '*' }),
    door('If-Match: *', 'GET', '/content', { 'if-match': '*' }),
    door('If-Match of nothing', 'GET', '/content', { 'if-match': '"x"' }),
    door('the status', 'GET', '/status'),
    door('the availability', 'GET', '/availability'),
    door('warm', 'POST', '/warm'),
    door('PATCH', 'PATCH', '', { 'content-type': 'application/json' }, '{"tags":[]}'),
    door('PATCH that is no JSON', 'PATCH', '', { 'content-type': 'application/json' }, '{'),
    door(
      'PATCH under If-Match',
      'PATCH',
      '',
      { 'content-type': 'application/json', 'if-match': '"r99"' },
      '{}',
    ),
    door('DELETE', 'DELETE', ''),
    door('DELETE under If-Match', 'DELETE', '', { 'if-match': '"r99"' }),
    door('PUT of the bytes', 'PUT', '/content', {}, 'x'),
    door('PUT of a link', 'PUT', '/links/k/t'),
    door('DELETE of a link', 'DELETE', '/links/k/t'),
  ]
  it.each(doors)(
    'answers $name as what is not there, to anybody else and to nobody',
    async ({ method, tail, headers, body }) => {
      for (const who of [{}, as('bob')]) {
        const [theirs, none] = [
          await ask(`/${hidden.id}${tail}`, method, { ...headers, ...who }, body),
          await ask(`/${UNKNOWN}${tail}`, method, { ...headers, ...who }, body),
        ]
        expect(seen(theirs)).toEqual(seen(none))
        expect(theirs.headers['cache-control']).toBe('private, no-store')
      }
      expect(await store.stat(hidden.id)).toMatchObject({ revision: 1, tags: ['t'] })
    },
  )

  it.each(BAD_IDS)('answers the bad id %s as what is not there', async (id) => {
    for (const tail of ['', '/content']) {
      expect(seen(await ask(`/${id}${tail}`))).toEqual(seen(await ask(`/${UNKNOWN}${tail}`)))
    }
  })

  it('answers its key as one that is free', async () => {
    const [theirs, none] = [
      await ask('/k/ann/hidden.png', 'GET', as('bob')),
      await ask('/k/ann/none.png', 'GET', as('bob')),
    ]
    expect(seen(theirs)).toEqual(seen(none))
    expect(theirs.status).toBe(404)
  })

  it('keeps its key: a PUT of somebody else is 409, with If-None-Match 412, and changes nothing', async () => {
    expect((await ask('/k/ann/hidden.png', 'PUT', as('bob'), 'text')).status).toBe(409)
    expect(
      (await ask('/k/ann/hidden.png', 'PUT', { ...as('bob'), 'if-none-match': '*' }, 'text')).status,
    ).toBe(412)
    expect(await store.stat({ key: 'ann/hidden.png' })).toMatchObject({ id: hidden.id, revision: 1 })
  })

  it('is in no list of somebody else, and in the list by link only what they may see', async () => {
    const ids = async (path: string, headers: Record<string, string> = {}): Promise<unknown[]> =>
      ((await ask(path, 'GET', headers)).json['items'] as Media[]).map(({ id }) => id)
    expect(await ids('/', as('bob'))).toEqual([])
    expect(await ids('/', as('ann'))).toEqual([shown.id, hidden.id])
    expect(await ids('/', as('!root'))).toEqual([shown.id, hidden.id])
    expect(await ids('/links/k/t')).toEqual([shown.id])
    expect(await ids('/links/k/t', as('ann'))).toEqual([shown.id, hidden.id])
    expect((await ask('/?owner=ann', 'GET', as('bob'))).status).toBe(403)
    expect((await ask('/')).status).toBe(401)
  })

  it('is never public for caches', async () => {
    const answer = await ask(`/${hidden.id}/content`, 'GET', as('ann'))
    expect([answer.status, answer.headers['cache-control'], answer.headers.vary]).toEqual([
      200,
      'private, no-cache',
      'Authorization, Cookie',
    ])
    expect((await ask(`/${hidden.id}`, 'GET', as('ann'))).headers['cache-control']).toBe('private, no-store')
  })
})

describe('what is public', () => {
  it('is read by nobody in particular, and changed by its owner only', async () => {
    expect((await ask(`/${shown.id}/content`)).headers['cache-control']).toBe(
      'public, max-age=0, must-revalidate',
    )
    expect((await ask(`/${shown.id}`, 'DELETE')).status).toBe(401)
    const denied = await ask(`/${shown.id}`, 'DELETE', as('bob'))
    expect([denied.status, denied.json['code']]).toEqual([403, 'MEDIA_DENIED'])
    expect(
      (await ask(`/${shown.id}`, 'PATCH', { ...as('ann'), 'content-type': 'application/json' }, '{}')).status,
    ).toBe(200)
  })
})

describe('who asks', () => {
  const failing = (error: Error): Access => ({ ...namedAccess(), authenticate: () => Promise.reject(error) })

  it('with credentials that are not good gets 401 with a challenge, wherever', async () => {
    const own = await serve(
      mediaRouter(store, {
        access: failing(new MediaError('MEDIA_UNAUTHENTICATED', 'bad token')),
        challenge: 'Bearer error="invalid_token"',
      }),
    )
    for (const [path, method] of [
      [`/${shown.id}/content`, 'GET'],
      [`/${UNKNOWN}`, 'GET'],
      ['/', 'POST'],
      ['/k/a', 'PUT'],
      [`/${shown.id}`, 'DELETE'],
    ] as const) {
      const answer = await own.ask(path, { method })
      expect([path, answer.status, answer.headers['www-authenticate']]).toEqual([
        path,
        401,
        'Bearer error="invalid_token"',
      ])
    }
    await own.close()
  })

  it('and cannot be told, because the authenticator fails, gets 500 and no media', async () => {
    const errors: unknown[] = []
    const own = await serve(
      mediaRouter(store, {
        access: failing(new Error('secret at /etc/keys')),
        onError: (error) => errors.push(error),
      }),
    )
    const answer = await own.ask(`/${shown.id}/content`)
    expect([answer.status, errors.length]).toEqual([500, 1])
    expect(answer.body.toString()).not.toContain('secret')
    await own.close()
  })

  it('as nobody may not put: 401 before the body', async () => {
    const text = await wire.raw('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n')
    expect(text).toContain('401 Unauthorized')
    expect(text).toMatch(/\r\nConnection: close\r\n/)
  })

  it('owns what is put, whatever the form says', async () => {
    const form = formOf([
      ['owner', 'eve'],
      ['file', PNG, 'a.png'],
    ])
    const answer = await wire.ask('/', {
      method: 'POST',
      body: form.body,
      headers: { ...form.headers, ...as('carl') },
    })
    expect(answer.json['owner']).toBe('carl')
    const id = answer.id
    const give = await ask(
      `/${id}`,
      'PATCH',
      { ...as('carl'), 'content-type': 'application/json' },
      '{"owner":"eve"}',
    )
    expect(give.status).toBe(403)
    const giveAsAdmin = await ask(
      `/${id}`,
      'PATCH',
      { ...as('!root'), 'content-type': 'application/json' },
      '{"owner":"eve"}',
    )
    expect(giveAsAdmin.json['owner']).toBe('eve')
  })

  it('an authorizer that answers neither true nor false lets nobody in', async () => {
    const odd = { authenticate: () => ({ id: 'ann' }), authorize: () => 'yes' } as unknown as Access
    const own = await serve(mediaRouter(store, { access: odd }))
    expect((await own.ask(`/${hidden.id}`)).status).toBe(404)
    await own.close()
  })
})

describe('a signed address', () => {
  const signed = async (media: Media, more: { download?: boolean } = {}): Promise<string> => {
    const url = await store.url(media.id, { expiresAt: new Date(Date.now() + 60_000), ...more })
    return url.pathname + url.search
  }

  it('reads a private media without credentials, for as long as it lives', async () => {
    const answer = await ask(await signed(hidden))
    expect([answer.status, answer.body.equals(PNG)]).toEqual([200, true])
    const seconds = Number(/^private, max-age=(\d+)$/.exec(String(answer.headers['cache-control']))?.[1])
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect((await ask(await signed(hidden, { download: true }))).headers['content-disposition']).toMatch(
      /^attachment/,
    )
  })

  it('shows in a page or saves, as who has it likes; one that was signed to save only saves', async () => {
    const disposition = async (path: string): Promise<unknown> => {
      const { status, headers } = await ask(path)
      return status === 200 ? String(headers['content-disposition']).split(';')[0] : status
    }
    const path = await signed(hidden)
    expect(await disposition(path)).toBe('inline')
    expect(await disposition(`${path}&download=1`)).toBe('attachment')
    expect(await disposition(path.replace('/content', '/download'))).toBe('attachment')
    const toSave = await signed(hidden, { download: true })
    expect(await disposition(toSave)).toBe('attachment')
    expect(await disposition(toSave.replace('&download=1', ''))).toBe(403)
    for (const more of ['&download=0', '&download=true', '&download=', '&download=1&download=1'])
      expect([more, await disposition(path + more)]).toEqual([more, 403])
  })

  it('that was changed or has ended is 403, the same for a media that is not there', async () => {
    const path = await signed(hidden)
    const ended = await store.url(hidden.id, { expiresAt: new Date(Date.now() + 1_000) })
    ended.searchParams.set('exp', '1')
    const changed = [
      path.replace(hidden.id, shown.id),
      path.replace(hidden.id, UNKNOWN),
      path.replace(/sig=./, 'sig=!'),
      path.replace(/kid=[^&]+/, 'kid=other'),
      path.replace(/exp=\d+/, 'exp=99999999999'),
      ended.pathname + ended.search,
      `/${hidden.id}/content?sig=`,
    ]
    for (const one of changed) {
      const answer = await ask(one)
      expect([one, answer.status, answer.json['code']]).toEqual([one, 403, 'MEDIA_DENIED'])
    }
  })

  it('opens nothing but the bytes', async () => {
    const query = new URL(await signed(hidden), 'http://a').search
    for (const path of [`/${hidden.id}`, `/${hidden.id}/status`])
      expect((await ask(path + query)).status).toBe(404)
    expect((await ask(`/${hidden.id}${query}`, 'DELETE')).status).toBe(404)
    expect((await ask(`/k/ann/hidden.png${query}`)).status).toBe(404)
  })
})

describe('what is held back', () => {
  let own: Wire
  afterEach(() => own.close())

  it.each([
    ['pending', 503, 'MEDIA_NOT_READY'],
    ['quarantined', 403, 'MEDIA_HELD'],
    ['rejected', 403, 'MEDIA_HELD'],
  ] as const)(
    '%s is told to its owner, and missing to others, public or not',
    async (state, status, code) => {
      const media: Media = { ...shown, state }
      const holding: MediaStore = Object.create(store, {
        stat: { value: async (ref: unknown) => (ref === shown.id ? media : undefined) },
      })
      own = await serve(mediaRouter(holding, { access: namedAccess() }))
      const answer = await own.ask(`/${shown.id}/content`, { headers: as('ann') })
      expect([answer.status, answer.json['code']]).toEqual([status, code])
      expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined)
      const record = await own.ask(`/${shown.id}`, { headers: as('ann') })
      expect(record.json).toMatchObject({ state, availability: 'held' })
      const signed = await store.url(shown.id, { expiresAt: new Date(Date.now() + 60_000) })
      expect((await own.ask(signed.pathname + signed.search)).status).toBe(404)
      const headers = { 'x-request-id': 'same' }
      for (const tail of ['', '/content', '/status', '/availability']) {
        expect(seen(await own.ask(`/${shown.id}${tail}`, { headers }))).toEqual(
          seen(await own.ask(`/${UNKNOWN}${tail}`, { headers })),
        )
      }
    },
  )
})

describe('a key', () => {
  it('that is taken is told to nobody who may not add media: PUT answers as for one that is free', async () => {
    const put = async (key: string, headers: Record<string, string> = {}) => {
      const { status, json } = await wire.ask(`/k/${key}`, { method: 'PUT', body: PNG, headers })
      return [status, json['code'], json['reason']]
    }
    const taken = await put('ann/hidden.png')
    expect(taken).toEqual([401, 'MEDIA_UNAUTHENTICATED', 'credentials-required'])
    expect(await put('ann/free.png')).toEqual(taken)
    expect(await put('ann/hidden.png', { 'if-match': '*' })).toEqual(
      await put('ann/free.png', { 'if-match': '*' }),
    )
  })
})

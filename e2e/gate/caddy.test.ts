import { expect, it } from 'vitest'
import { startCaddy } from './proxies.ts'
import { attackCases } from './proxy-attack-cases.ts'
import { mediaCases } from './proxy-media-cases.ts'
import { describeProxy, type ProxyUnderTest, type Scene } from './proxy-scene.ts'
import { ask } from './proxy-stage.ts'
import { stateCases } from './proxy-state-cases.ts'

function ownCases(_: ProxyUnderTest, scene: () => Scene): void {
  it('passes 503 whole: 429 for what is loading is a choice, and no need', async () => {
    const got = await scene().through('/media/k/state/failed')
    expect(got.status).toBe(503)
    expect(JSON.parse(got.body.toString())).toMatchObject({ reason: 'load-failed' })
  })

  it('passes pages for browsers as the gate made them', async () => {
    const got = await scene().through('/media/k/state/failed', { headers: { accept: 'text/html' } })
    expect(got.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(got.body.toString()).toContain('<title>503</title>')
  })

  it('takes away every name of ours that a client sends, also those that no answer has', async () => {
    const { through } = scene()
    const headers = { 'x-media-other': 'forged', 'x-amz-other': 'forged', x_media_id: 'forged' }
    for (const path of ['/media/k/image', '/media/k/text/a%20b.txt']) {
      const { went } = await through(path, { headers })
      if (went.to === 'nowhere') throw new Error('it did not go on')
      expect(JSON.stringify(went.asked)).not.toContain('forged')
    }
  })

  it('sends nothing on where a yes does not say where to', async () => {
    const { stage } = scene()
    const running = await startCaddy({ ...stage.addresses, gate: stage.addresses.content }, (text) =>
      text.replace('uri /\n', 'uri /media/k/image\n'),
    )
    try {
      stage.bucket.asked.length = 0
      const got = await ask(running.port, '/media/k/text/a%20b.txt', {
        headers: { 'x-media-path': '/media/forged', 'x-media-origin': 'content' },
      })
      expect(got.status).toBe(503)
      expect(stage.bucket.asked).toEqual([])
    } finally {
      await running.stop()
    }
  })
}

describeProxy(
  { name: 'caddy', start: startCaddy, loadingStatus: 429, passesBodies: true, prefix: 'of-media' },
  [mediaCases, stateCases, attackCases, ownCases],
)

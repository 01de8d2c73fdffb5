import { expect, it } from 'vitest'
import { startNginx } from './proxies.ts'
import { attackCases } from './proxy-attack-cases.ts'
import { mediaCases } from './proxy-media-cases.ts'
import { describeProxy, type ProxyUnderTest, type Scene } from './proxy-scene.ts'
import { ask } from './proxy-stage.ts'
import { stateCases } from './proxy-state-cases.ts'

function ownCases(_: ProxyUnderTest, scene: () => Scene): void {
  it('sends nothing on where the gate says yes without an address of the object', async () => {
    const { stage } = scene()
    const running = await startNginx(stage.addresses, (text) =>
      text.replace('$media_path $upstream_http_x_media_path', '$media_path $upstream_http_x_media_no_path'),
    )
    try {
      stage.bucket.asked.length = 0
      const got = await ask(running.port, '/media/k/text/a%20b.txt')
      expect(got.status).toBe(503)
      expect(got.headers['retry-after']).toBe('1')
      expect(stage.bucket.asked).toEqual([])
    } finally {
      await running.stop()
    }
  })

  it('sends nothing on where a yes does not say where to', async () => {
    const { stage } = scene()
    // The application, asked by mistake, answers 200 to nearly everything.
    const running = await startNginx(stage.addresses, (text) =>
      text.replace('proxy_pass http://media_gate/;', `proxy_pass http://media_content/media/k/image;`),
    )
    try {
      stage.bucket.asked.length = 0
      const got = await ask(running.port, '/media/k/text/a%20b.txt')
      expect(got.status).toBe(503)
      expect(stage.bucket.asked).toEqual([])
    } finally {
      await running.stop()
    }
  })
}

// The prefix has to be escaped in addresses.
describeProxy(
  { name: 'nginx', start: startNginx, loadingStatus: 503, passesBodies: false, prefix: 'of media' },
  [mediaCases, stateCases, attackCases, ownCases],
)

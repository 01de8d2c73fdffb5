import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { missingEnvoyReason } from '../../scripts/envoy.mjs'
import { makeCertificate, missingOpensslReason } from '../../scripts/lib/certificates.mjs'
import { describeUnless } from '../describe-unless.ts'
import { askHttp1 } from './client.ts'
import { changed } from './config.ts'
import { type Stage, startStage } from './stage.ts'

interface Certificate {
  readonly key: string
  readonly cert: string
}

/** The cluster of the gate over TLS: who the gate has to be, and who Envoy says to be. */
function overTls(config: string, gate: Certificate, envoy: Certificate | undefined): string {
  const own =
    envoy === undefined
      ? ''
      : `tls_certificates: [{ certificate_chain: { filename: "${envoy.cert}" }, private_key: { filename: "${envoy.key}" } }], `
  const socket = `transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context: { ${own}validation_context: { trusted_ca: { filename: "${gate.cert}" } } }
      `
  const place = '# A gate that drains says so'
  return changed(config, place, socket + place)
}

describeUnless(missingEnvoyReason() ?? missingOpensslReason(), 'an Envoy that asks the gate over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-tls-'))
  let gate: Certificate
  let known: Certificate
  let stranger: Certificate
  beforeAll(() => {
    gate = makeCertificate(folder, 'gate')
    known = makeCertificate(folder, 'known')
    stranger = makeCertificate(folder, 'stranger')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function asked(given: {
    readonly trusts?: Certificate
    readonly shows?: Certificate
    readonly authority?: Certificate
  }): Promise<{ status: number; asked: number; fetched: number }> {
    const { trusts = gate, shows, authority } = given
    const stage: Stage = await startStage({
      tls: {
        certificate: readFileSync(gate.cert, 'utf8'),
        key: readFileSync(gate.key, 'utf8'),
        ...(authority === undefined ? {} : { authority: readFileSync(authority.cert, 'utf8') }),
      },
      change: (config) => overTls(config, trusts, shows),
    })
    try {
      const { status } = await askHttp1(stage.port, '/media/ready')
      return { status, asked: stage.asked.length, fetched: stage.seen.length }
    } finally {
      await stage.close()
    }
  }

  it('hears its answer, where it trusts the certificate', async () => {
    expect(await asked({})).toEqual({ status: 200, asked: 1, fetched: 1 })
  })

  it('lets nothing through where the gate is somebody else', async () => {
    expect(await asked({ trusts: stranger })).toEqual({ status: 503, asked: 0, fetched: 0 })
  })

  it('is heard where its own certificate is asked for and shown', async () => {
    expect(await asked({ shows: known, authority: known })).toEqual({ status: 200, asked: 1, fetched: 1 })
  })

  it('does not keep a gate from ending after it has died', async () => {
    const stage = await startStage({
      tls: { certificate: readFileSync(gate.cert, 'utf8'), key: readFileSync(gate.key, 'utf8') },
      change: (config) => overTls(config, gate, undefined),
    })
    expect((await askHttp1(stage.port, '/media/ready')).status).toBe(200)
    await stage.envoy.stop()
    let isLate = false
    // Node would take as long as it takes to collect garbage.
    const late = setTimeout(() => {
      isLate = true
    }, 4_000)
    await stage.stopGate()
    clearTimeout(late)
    await stage.close()
    expect(isLate).toBe(false)
  })

  it('is not heard with none, nor with one of another authority', async () => {
    expect(await asked({ authority: known })).toEqual({ status: 503, asked: 0, fetched: 0 })
    expect(await asked({ shows: stranger, authority: known })).toEqual({ status: 503, asked: 0, fetched: 0 })
  })
})

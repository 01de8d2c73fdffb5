import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { findProgram } from './programs.mjs'

/*
 * Certificates for tests of TLS, good for two days.
 */

/** Why no certificates can be made here; `undefined` when they can. */
export function missingOpensslReason() {
  return findProgram('openssl') === undefined ? 'TLS needs openssl' : undefined
}

const SUBJECT = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']

/** A certificate for 127.0.0.1 that is its own authority, in files of the folder. */
export function makeCertificate(folder, name) {
  const key = join(folder, `${name}.key`)
  const cert = join(folder, `${name}.crt`)
  const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...SUBJECT]
  execFileSync('openssl', ['req', '-x509', ...options], { stdio: 'pipe' })
  return { key, cert }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const shipped = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../ops/envoy', name), 'utf8')

/** The files that users take over. */
const SHIPPED = shipped('envoy.yaml')
const MEDIA_CACHE = shipped('media-cache.yaml')

export interface Ports {
  readonly listener: number
  readonly admin: number
  readonly gate: number
  readonly storage: number
}

/** The text with one place changed. That place is there once: else a test would say nothing of what is shipped. */
export function changed(text: string, find: string, by: string): string {
  const parts = text.split(find)
  if (parts.length !== 2) throw new Error(`${find} stands ${parts.length - 1} times in envoy.yaml`)
  return parts.join(by)
}

/** The shipped configuration on other ports. */
export function configOn({ listener, admin, gate, storage }: Ports): string {
  const places = [
    ['port_value: 10000', `port_value: ${listener}`],
    ['port_value: 9901', `port_value: ${admin}`],
    ['port_value: 9191', `port_value: ${gate}`],
    ['port_value: 9000', `port_value: ${storage}`],
    ['127.0.0.1:9000', `127.0.0.1:${storage}`],
  ] as const
  return places.reduce((text, [find, by]) => changed(text, find, by), SHIPPED)
}

export interface MediaCachePorts extends Omit<Ports, 'storage'> {
  readonly bucket: number
  readonly fallback: number
  readonly app: number
}

/** The shipped configuration for a private bucket and an app, on other ports. */
export function mediaCacheOn(ports: MediaCachePorts): string {
  const { listener, admin, gate, bucket, fallback, app } = ports
  const places = [
    ['port_value: 10000', `port_value: ${listener}`],
    ['port_value: 9901', `port_value: ${admin}`],
    ['port_value: 9191', `port_value: ${gate}`],
    ['port_value: 9000', `port_value: ${bucket}`],
    ['127.0.0.1:9000', `127.0.0.1:${bucket}`],
    ['port_value: 9192', `port_value: ${fallback}`],
    ['port_value: 3000', `port_value: ${app}`],
  ] as const
  return places.reduce((text, [find, by]) => changed(text, find, by), MEDIA_CACHE)
}

/** Envoy as it is without the three lines that make paths one. */
export const withoutNormalising = (config: string): string =>
  ['normalize_path: true', 'merge_slashes: true', 'path_with_escaped_slashes_action: REJECT_REQUEST'].reduce(
    (text, line) => changed(text, line, ''),
    config,
  )

/** As the guide says for an Envoy that asks over HTTP. */
export function askingOverHttp(config: string): string {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guide/gate-http-proxies.md'), 'utf8')
  const [, service = ''] = /```yaml\n(http_service:[\s\S]*?)```/.exec(guide) ?? []
  const [, port = ''] = /name: gate\n[\s\S]*?port_value: (\d+)/.exec(config) ?? []
  const indented = changed(service.trimEnd(), '127.0.0.1:9191', `127.0.0.1:${port}`).replaceAll(
    '\n',
    `\n${' '.repeat(22)}`,
  )
  const asked = changed(
    config,
    'grpc_service: { envoy_grpc: { cluster_name: gate }, timeout: 0.25s }',
    indented,
  )
  return asked
    .replace(/ +typed_extension_protocol_options:[\s\S]*?http2_protocol_options: \{\} \}\n/, '')
    .replace(/ +# A gate that drains[\s\S]*?grpc_health_check: \{\}\n/, '')
}

const CACHE = `- name: envoy.filters.http.cache
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig
                  `
const ROUTER = '- name: envoy.filters.http.router'
const GATE = '- name: envoy.filters.http.ext_authz\n'

export const withCache = (config: string, place: 'after the gate' | 'before the gate'): string => {
  const before = place === 'after the gate' ? ROUTER : GATE
  return changed(config, before, CACHE + before)
}

/** A route in front of the one for everything. */
export const withRoute = (config: string, route: string): string =>
  changed(config, '- match: { prefix: "/" }', `${route}\n                        - match: { prefix: "/" }`)

import { readFileSync } from 'node:fs'

const SHIPPED = new URL('../../ops/envoy/media-cache.yaml', import.meta.url)

/**
 * The page is not media: the gate is not asked for it. Everything else of this listener is behind the gate. Routes are chosen once more
 * by the path that the gate gives, which begins with the name of the bucket: that must not be `page`.
 */
const pageRoute = `- match: { prefix: "/page/" }
                          route: { cluster: app }
                          typed_per_filter_config:
                            envoy.filters.http.ext_authz:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                              disabled: true
                            envoy.filters.http.cache:
                              "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig
                              disabled: true
`
const ROUTES = 'routes:\n'

/**
 * The shipped configuration with four changes: the ports; one host, which is the one that the gate signs for, in place of all; no other
 * host towards the bucket, for what Envoy's cache fetches gets none; and the page in front of the media.
 */
export function envoyConfig({ listener, admin, gate, bucket, fallback, app }) {
  return [
    ['port_value: 10000', `port_value: ${listener}`],
    ['port_value: 9901', `port_value: ${admin}`],
    ['port_value: 9191', `port_value: ${gate}`],
    ['port_value: 9000', `port_value: ${bucket}`],
    ['port_value: 9192', `port_value: ${fallback}`],
    ['port_value: 3000', `port_value: ${app}`],
    ['host_rewrite_literal: "127.0.0.1:9000"', ''],
    ['domains: ["*"]', `domains: ["127.0.0.1:${listener}"]`],
    [ROUTES, `${ROUTES}                        ${pageRoute}`],
  ].reduce(changed, readFileSync(SHIPPED, 'utf8'))
}

/** A place that is not there once would leave something of the file as it was, and nobody would know. */
function changed(text, [find, by]) {
  const parts = text.split(find)
  if (parts.length !== 2)
    throw new Error(`media-cache.yaml: "${find}" stands there ${parts.length - 1} times`)
  return parts.join(by)
}

import type { HeaderList } from './headers.ts'

/**
 * What every answer carries, errors too.
 *
 * `sandbox` and `default-src 'none'` bind a *document*: a media opened by its own address gets an origin of its own,
 * runs no script, submits no form and loads nothing. They do not touch the same bytes used by a page in `<img>`,
 * `<video>`, `<audio>` or `fetch`: there the policy of the page counts, not that of the subresource.
 * What it costs, seen in Chromium: an image opened by its own address is shown, but a video or audio is not played
 * there, and PDF viewers do not run in a sandbox. Pages that embed them, or a policy of the host's own, play them.
 */
export const CONTENT_SECURITY_POLICY = "sandbox; default-src 'none'"

/** Who may embed the answer. @see https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header */
export type ResourcePolicy = 'same-origin' | 'same-site' | 'cross-origin'

/** The three safety headers, for answers that are not contents: errors and JSON. */
export const SAFETY_HEADERS: HeaderList = [
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  CONTENT_SECURITY_POLICY,
  'Cross-Origin-Resource-Policy',
  'same-origin',
]

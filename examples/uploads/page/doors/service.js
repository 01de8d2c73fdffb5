/** A refusal in words that people can read, as the server gave them. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail ?? `The server answered ${status}.`)
    this.status = status
  }
}

/** Asks the server once for JSON. @throws Refusal; the network's own error */
export async function ask(method, url, body) {
  const answer = await fetch(url, {
    method,
    ...(body !== undefined && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  const text = await answer.text()
  const json = text === '' ? {} : JSON.parse(text)
  if (!answer.ok) throw new Refusal(answer.status, json.detail)
  return json
}

/** Ends an upload; one that is gone already is as good. */
export async function cancelAt(url) {
  try {
    await ask('DELETE', url)
  } catch (error) {
    if (error.status !== 404 && error.status !== 410) throw error
  }
}

/** What the page says of a media: through which door it came. */
export const tagsOf = (door) => [`by ${door}`]

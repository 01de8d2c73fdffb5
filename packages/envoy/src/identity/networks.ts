import { BlockList, isIP } from 'node:net'
import { badOption } from '@mediakeep/core'

/**
 * Tells whether an address lies in one of the networks, each an address or in CIDR notation.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` for one that is neither
 */
export function createNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address)
    const length =
      bits === undefined ? (family === 4 ? 32 : 128) : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : -1
    if (family === 0 || length < 0 || length > (family === 4 ? 32 : 128))
      throw badOption('a trusted proxy is an address, or a network such as 10.0.0.0/8')
    list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
  }
  return (raw) => {
    // Sockets that take both kinds tell IPv4 addresses in this form.
    const address = raw.replace(/^::ffff:(?=[0-9.]+$)/i, '')
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

import { join, resolve } from 'node:path'
import type { Config } from '../config/keys.ts'
import type { TierSetting } from '../config/tier-settings.ts'
import { parseStoreUrl, type StoreAddress } from './address.ts'

export interface ConfiguredTier {
  readonly setting: TierSetting
  readonly address: StoreAddress
}

/** Every tier of the settings with where its store is; without tiers the volumes of the folders. */
export function configuredTiers(config: Config, cwd: string): readonly ConfiguredTier[] {
  const own = (folder: string): StoreAddress => ({
    scheme: 'file',
    folder: join(resolve(cwd, folder), 'volume'),
  })
  if (config.tiers === undefined)
    return [
      { setting: { name: 'disk' }, address: own(config.data) },
      ...(config.secondData === undefined
        ? []
        : [{ setting: { name: 'second-disk' }, address: own(config.secondData) }]),
    ]
  return config.tiers.map((setting) => ({
    setting,
    address: setting.url === undefined ? own(config.data) : parseStoreUrl(setting.url),
  }))
}

import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

/** Tests start the programs as users do, from `dist`: it is made from the source first. */
export async function setup(): Promise<void> {
  await execa('npm', ['run', '--silent', 'build'], {
    cwd: fileURLToPath(new URL('../', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

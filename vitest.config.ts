import { defineConfig } from 'vitest/config'

const conditions = ['@singer-io-ts/source', 'node', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{core,tap-quickbooks,target-postgres-raw,singer-run,dev}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    reporters: ['default', ['json', { outputFile: '.local/test-results.json' }]],
    globalSetup: ['dev/vitest-build.ts', 'dev/vitest-postgres.ts'],
    // Most tests wait for other programs most of the time.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})

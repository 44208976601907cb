# Two images: `runner` has singer-run and both programs, `scheduler` (the last) has Meltano as well.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /build
COPY . .
RUN npm ci --ignore-scripts --include-workspace-root \
      --workspace core --workspace tap-quickbooks --workspace target-postgres-raw --workspace singer-run \
 && npm run build
# What the packages need, as package-lock.json has it, and nothing else.
RUN npm ci --ignore-scripts --omit=dev \
      --workspace core --workspace tap-quickbooks --workspace target-postgres-raw --workspace singer-run \
 && rm -rf dev meltano.yml tsconfig.json */src */fixtures */tsconfig.build.json */dist/.tsbuildinfo

FROM ${BASE} AS runner
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 1000 -g 1000 /data
COPY --from=build /build /app
COPY --chmod=755 dev/containers/with-secrets /usr/local/bin/
WORKDIR /app
# What must survive lies in /data: the rotated tokens and the state.
ENV PATH=/app/node_modules/.bin:$PATH NODE_ENV=production XDG_STATE_HOME=/data
VOLUME /data
USER 1000:1000
ENTRYPOINT ["tini", "--", "with-secrets"]
CMD ["singer-run", "--help"]

FROM runner AS scheduler
USER root
COPY dev/interop/requirements/meltano.txt /opt/meltano.txt
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/meltano \
 && /opt/meltano/bin/pip install --no-cache-dir --disable-pip-version-check -r /opt/meltano.txt
COPY meltano.yml ./
COPY --chmod=755 dev/containers/every.mjs /usr/local/bin/
ENV PATH=/opt/meltano/bin:$PATH MELTANO_SYS_DIR_ROOT=/data/meltano MELTANO_PROJECT_READONLY=true
USER 1000:1000
CMD ["meltano", "run", "qb_backfill"]

# The Alluvium binary and libduckdb.so on a small Debian. Built by docker-compose.yml.
FROM rust:1.95-bookworm AS build
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends npm python3-pip postgresql \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ENV ALLUVIUM_CACHE=/opt/alluvium
RUN scripts/setup \
 && . /opt/alluvium/env.sh \
 && cargo build --release --locked --package alluvium \
 && mkdir -p /out/bin /out/lib \
 && cp target/release/alluvium /out/bin/ \
 && cp "$DUCKDB_LIB_DIR/libduckdb.so" /out/lib/

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /data --shell /usr/sbin/nologin alluvium \
 && mkdir /data && chown alluvium: /data
COPY --from=build /out/bin/alluvium /usr/local/bin/
COPY --from=build /out/lib/libduckdb.so /usr/local/lib/
RUN ldconfig
USER alluvium
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["alluvium"]
CMD ["serve"]

# The executable, built with the pinned Deno, in an image without a shell. It runs as user 65532.
#   docker build -t offhook .
#   docker run -p 5000:5000 --env-file .env -v offhook:/data --stop-timeout 330 offhook
# Your own config.json and assets/ go into /etc/offhook: -v "$PWD/config.json:/etc/offhook/config.json:ro"

FROM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY . .
RUN deno task compile && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/dist/offhook /usr/local/bin/offhook
COPY --from=build --chown=nonroot:nonroot /data /data
WORKDIR /etc/offhook
ENV DATA_DIR=/data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["/usr/local/bin/offhook", "health"]
ENTRYPOINT ["/usr/local/bin/offhook"]

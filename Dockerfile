# The exporter in a small image: built in one stage, run in another that has neither pip's cache
# nor a compiler, as a user that owns nothing.
#
#   docker build -t sanctum-exporter .
#   docker run --rm -p 127.0.0.1:10500:10500 sanctum-exporter demo --web.listen-address=:10500

ARG PYTHON=python:3.13.9-slim-trixie

FROM ${PYTHON} AS build
RUN python -m venv --without-pip /opt/sanctum-exporter
WORKDIR /src
# The dependencies change less often than the source, so they are a layer of their own.
COPY requirements.txt ./
RUN python -m pip --python /opt/sanctum-exporter install --no-cache-dir --no-compile \
    --only-binary :all: --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m pip --python /opt/sanctum-exporter install --no-cache-dir --no-compile --no-deps . \
 && python -m compileall -q /opt/sanctum-exporter/lib

FROM ${PYTHON} AS run
# What the base image brings for installing packages has no use here.
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
 && rm -rf /usr/local/lib/python3*/ensurepip
COPY --from=build /opt/sanctum-exporter /opt/sanctum-exporter
ENV PATH=/opt/sanctum-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 10500
STOPSIGNAL SIGTERM
# Healthy, not ready: a watched run that has not begun yet is no reason to be restarted.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-m", "sanctum_exporter.web.health"]
ENTRYPOINT ["sanctum-exporter"]
CMD ["demo", "--web.listen-address=:10500"]

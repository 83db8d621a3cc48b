"""``sanctum-exporter assets``: what watches the exporter, written to a folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from sanctum_exporter.cli.parameters import parsed_by
from sanctum_exporter.files.names import shown
from sanctum_exporter.monitoring import Addresses, documents


def parse_url(text: str) -> str:
    """Return a URL that paths can be added to.

    Raises:
        ValueError: if the text is none.
    """
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname)
        usable = usable and not (url.query or url.fragment) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"{text!r} is not an address of pages: write https://host or http://host:port"
        )
    return text.rstrip("/")


def parse_target(text: str) -> str:
    """Return a host and a port, as Prometheus writes a target.

    Raises:
        ValueError: if the text is none.
    """
    try:
        url = urlsplit(f"//{text}")
        usable = bool(url.hostname and url.port) and url.netloc == text and "@" not in text
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{text!r} is not a target: write host:port, for example trainer-7:10500")
    return text


def _targets(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    parse = parsed_by(parse_target)
    return tuple(parse(context, parameter, text) for text in texts)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--job",
    metavar="NAME",
    default="sanctum",
    show_default=True,
    help="Name of the job in Prometheus.",
)
@click.option(
    "--target",
    "targets",
    metavar="HOST:PORT",
    multiple=True,
    callback=_targets,
    default=["localhost:10500"],
    show_default=True,
    help="An exporter, as Prometheus reaches it; may be given more than once.",
)
@click.option(
    "--alertmanager",
    metavar="HOST:PORT",
    callback=parsed_by(parse_target),
    default="localhost:9093",
    show_default=True,
    help="Alertmanager, as Prometheus reaches it.",
)
@click.option(
    "--prometheus-url",
    metavar="URL",
    callback=parsed_by(parse_url),
    default="http://localhost:9090",
    show_default=True,
    help="Prometheus, as Grafana reaches it.",
)
@click.option(
    "--grafana-url",
    metavar="URL",
    callback=parsed_by(parse_url),
    default="http://localhost:3000",
    show_default=True,
    help="Grafana, as people reach it: alerts lead there.",
)
@click.option(
    "--docs-url",
    metavar="URL",
    callback=parsed_by(parse_url),
    help="What serves DIR/docs as docs/, as people reach it: alerts lead to runbooks there.  "
    "[default: the public folder of --grafana-url]",
)
@click.option("--force", is_flag=True, help="Write over files that have other contents.")
def assets(
    directory: Path,
    job: str,
    targets: tuple[str, ...],
    alertmanager: str,
    prometheus_url: str,
    grafana_url: str,
    docs_url: str | None,
    force: bool,
) -> None:
    """Write out dashboards, rules, runbooks and configuration, ready to be mounted.

    DIR is made if it is not there; its README.md says where each file belongs. They are those of
    this version: after an upgrade, write them anew.
    """
    addresses = Addresses(
        job=job,
        targets=targets,
        prometheus_url=prometheus_url,
        alertmanager=alertmanager,
        grafana_url=grafana_url,
        docs_url=docs_url or f"{grafana_url}/public",
    )
    files = {directory / path: text for path, text in documents(addresses).items()}
    try:
        other = [path for path, text in files.items() if not force and _differs(path, text)]
        if other:
            names = ", ".join(shown(path) for path in other[:3])
            more = f" and {len(other) - 3} more" if len(other) > 3 else ""  # noqa: PLR2004 - above
            raise click.ClickException(
                f"{names}{more}: there already, with other contents; --force writes over them"
            )
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"cannot write {shown(Path(error.filename or directory))}: {error.strerror}"
        ) from None
    click.echo(
        f"{len(files)} files in {shown(directory)}; begin with {shown(directory / 'README.md')}"
    )


def _differs(path: Path, text: str) -> bool:
    """Tell whether a file is there that has other contents."""
    try:
        return path.read_bytes() != text.encode()
    except FileNotFoundError:
        return False

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagesearch_project import database_url
from imagesearch_project.database_url import database_of, without_password

OPTIONS = {"timeout": 30}
SECRET = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{SECRET}@host/name",
        f"oracle://user:{SECRET}@host/name",
        f"mssql://user:{SECRET}@host:1433/name",
        f"http://user:{SECRET}@host/name",
        f"user:{SECRET}@host/name",
        f"://user:{SECRET}@host/name",
        f"postgres://user:{SECRET}@host:port/name",
        f"postgres://user:{SECRET}@host:99999/name",
        f"postgres://user:{SECRET}@[::1/name",
        f"postgres://user:{SECRET}@host",
        f"postgres://user:{SECRET}@host/",
        f"postgresql:///?password={SECRET}",
        f"postgres://user:a@{SECRET}@",
        "nonsense",
        "/var/lib/name.sqlite3",
        "postgres://",
        "sqlite://",
        "sqlite:///",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "sqlite:////",
        "sqlite:////dev/null/name.sqlite3",
        "sqlite:////not/there/name.sqlite3",
    ],
)
def test_database_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(ImproperlyConfigured) as error:
        database_of(url, setting="THE_SETTING", sqlite_options=OPTIONS)

    sentence = str(error.value)
    assert sentence.startswith(f"THE_SETTING is “{without_password(url)}”; it ")
    assert "Write it as postgres://user:password@host:5432/name, or leave it empty" in sentence
    assert SECRET not in sentence
    assert error.value.__suppress_context__ or error.value.__context__ is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "pgsql"])
def test_database_url_of_postgresql_is_understood(scheme):
    database = database_of(f"{scheme}://user:p%40ss@host:5432/name", setting="X", sqlite_options=OPTIONS)

    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.postgresql", "name")
    assert (database["USER"], database["PASSWORD"], database["PORT"]) == ("user", "p@ss", 5432)


def test_database_url_of_sqlite_gets_the_options_that_two_writers_need(tmp_path):
    path = f"{tmp_path}/images.sqlite3"

    database = database_of(f"sqlite:///{path}", setting="X", sqlite_options=OPTIONS)

    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", path)
    assert database["OPTIONS"] == OPTIONS


def test_postgresql_without_its_driver_names_the_remedy(monkeypatch):
    monkeypatch.setattr(database_url, "find_spec", lambda _name: None)

    with pytest.raises(ImproperlyConfigured, match=r'driver is not installed. Run: pip install "psycopg\[binary\]"'):
        database_of("postgres://user@host/name", setting="X", sqlite_options=OPTIONS)

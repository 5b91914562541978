"""The site in Chinese: chosen by the browser or by the switch, on every page, in every error, without English left."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polib
import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from gallery.errors import BrokenPicture, StoredError
from gallery.models import OPERATOR, EmbeddingFailure, Image, Job, JobItem, Visibility
from gallery.services.curation import move_to_trash
from gallery.services.soon import wait_until_done
from gallery.views import home
from tests.conftest import drawn_picture, sample_bytes
from tests.pages import as_user, text_of

CATALOGUE = Path(django_settings.BASE_DIR, "gallery", "locale", "zh_Hans", "LC_MESSAGES", "django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}
ATTRIBUTES = {"alt", "aria-label", "placeholder", "title"}


def english_words() -> list[str]:
    """Return what of our English messages is fixed and long enough not to be met by chance."""
    texts = [text for entry in polib.pofile(str(CATALOGUE)) for text in (entry.msgid, entry.msgid_plural) if text]
    translated = {entry.msgid for entry in polib.pofile(str(CATALOGUE)) if entry.msgstr == entry.msgid}
    parts = {part.strip(" .:,;“”()") for text in texts if text not in translated for part in PLACEHOLDER.split(text)}
    return sorted(part for part in parts if len(part) > 6)


LEFTOVER = re.compile("|".join(rf"(?<![\w.-]){re.escape(words)}(?![\w.-])" for words in english_words()))


class VisibleText(HTMLParser):
    """Collects what people read or hear, except what is marked as English."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language = ""
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "html":
            self.language = values.get("lang") or ""
        if tag in ("script", "style", "code") or values.get("lang") == "en":
            self._silent = self._silent or tag
        spoken = ATTRIBUTES | ({"value"} if values.get("type") == "submit" and tag == "input" else set())
        for name, value in attrs:
            if value and (name in spoken or name.startswith("data-text")):
                self.texts.append(PLACEHOLDER.sub("", value))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def assert_chinese(page: Any, status: int = 200) -> None:
    visible = VisibleText()
    visible.feed(page.content.decode())
    assert page.status_code == status
    assert visible.language == "zh-hans"
    assert [words for text in visible.texts for words in LEFTOVER.findall(text)] == []
    assert re.search(r"[一-鿿]", "".join(visible.texts))


def chinese(user: Any = None) -> Client:
    client = as_user(user) if user else Client()
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = CHINESE["Accept-Language"]
    return client


@pytest.fixture
def picture(alice, upload, quick_encoder) -> Image:
    """A public picture of alice's, beside a private one, one in the trash, one that waits and one that failed."""
    shown = upload(alice, content=drawn_picture("red"), visibility=Visibility.PUBLIC, tags="猫", description="一只猫")
    others = [upload(alice, content=drawn_picture(colour)) for colour in ("lime", "blue", "yellow", "black")]
    move_to_trash(Image.objects.filter(pk=others[0].pk), by=OPERATOR)
    Image.objects.filter(pk=others[1].pk).update(embedding_row=None)
    Image.objects.filter(pk=others[2].pk).update(embedding_row=None)
    EmbeddingFailure.objects.fail(others[2].pk, StoredError.of(BrokenPicture(format="PNG", reason="???")))
    return shown


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        ("/search/", 200),
        ("/search/?q=red", 200),
        ("/search/?q=red&view=table", 200),
        ("/search/?tag=猫", 200),
        ("/search/?tag=狗", 200),
        ("/search/?q=", 400),
        ("/search/?q=red&top=0", 400),
        ("/accounts/sign-up/", 200),
        ("/accounts/login/", 200),
        ("/accounts/password-reset/", 200),
        ("/accounts/password-reset/done/", 200),
        ("/accounts/reset/x/y/", 200),
        ("/accounts/reset/done/", 200),
        ("/no-such-page/", 404),
    ],
)
def test_page_for_everyone_is_chinese(picture, address, status):
    assert_chinese(chinese().get(address), status)


@pytest.mark.parametrize(
    "address",
    [
        "/upload/",
        "/library/",
        "/library/?status=failed",
        "/library/?format=GIF",
        "/library/clear/",
        "/trash/",
        "/trash/empty/",
        "/accounts/password-change/",
        "/accounts/password-change/done/",
    ],
)
def test_page_of_an_account_is_chinese(alice, bob, picture, address):
    assert_chinese(chinese(alice).get(address))
    assert_chinese(chinese(bob).get(address))


def test_pages_of_pictures_are_chinese(alice, picture):
    client = chinese(alice)

    for image in Image.objects.live():
        assert_chinese(client.get(image.get_absolute_url()))
        assert_chinese(client.get(f"/search/?like={image.pk}"), 200 if image.is_searchable else 409)
    assert_chinese(client.get(reverse("image-edit", args=[picture.pk])))


def test_answers_to_forms_are_chinese(alice, picture):
    client = chinese(alice)
    files = [SimpleUploadedFile("a.png", drawn_picture("red")), SimpleUploadedFile("b.png", b"no picture")]

    assert_chinese(client.post("/upload/", {"files": files, "visibility": "private"}))
    assert_chinese(client.post("/upload/", {}), 400)
    assert_chinese(client.post("/library/bulk/", {"ids": [picture.pk], "action": "add_tags"}), 400)
    assert_chinese(client.post("/library/bulk/", {"ids": [picture.pk], "action": "trash"}, follow=True))
    assert_chinese(client.post("/library/clear/", {"username": "bob"}), 400)
    assert_chinese(Client(headers=CHINESE).post("/accounts/login/", {"username": "x", "password": "y"}))
    assert_chinese(Client(headers=CHINESE).post("/accounts/sign-up/", {"username": "ALICE", "password1": "1"}), 400)


def test_password_that_is_too_short_is_refused_in_chinese(db):
    page = Client(headers=CHINESE).post("/accounts/sign-up/", {"username": "dora", "password1": "x", "password2": "x"})

    assert "密码太短，至少需要 8 个字符。" in text_of(page)
    assert_chinese(page, 400)


def test_damaged_picture_is_refused_in_chinese(alice):
    cut = SimpleUploadedFile("cut.png", sample_bytes("chelsea.png")[:20_000])

    page = chinese(alice).post("/upload/", {"files": [cut], "visibility": "private"})

    assert "此 PNG 文件已损坏或不完整。请重新导出或复制该图片。" in text_of(page)
    assert_chinese(page, 400)


def test_error_pages_are_chinese(bob, picture, monkeypatch):
    client = chinese(bob)
    assert_chinese(client.get(reverse("image-edit", args=[picture.pk])), 403)
    assert_chinese(client.post("/library/", {}), 405)

    strict = Client(enforce_csrf_checks=True, headers=CHINESE)
    assert_chinese(strict.post("/accounts/login/", {}), 403)

    monkeypatch.setattr(home, "render", None)
    client.raise_request_exception = False
    assert_chinese(client.get("/"), 500)


def test_stored_reason_is_told_in_the_readers_language(alice, picture):
    failed = Image.objects.failed().get()
    in_chinese = "此 PNG 文件已损坏或不完整。请重新导出或复制该图片。"

    for address in (failed.get_absolute_url(), "/library/"):
        assert in_chinese in text_of(chinese(alice).get(address))
        assert failed.failure.message in text_of(as_user(alice).get(address))


def test_admin_is_chinese(staff, alice, picture):
    job = Job.objects.create(kind="import", owner=alice, subject="/a")
    broken = StoredError.of(BrokenPicture(format="PNG", reason="?")).as_json()
    JobItem.objects.create(job=job, kind="failed", item="a.png", error=broken)
    client = chinese(staff)

    for name in ("image", "tag", "album", "job", "apitoken", "indexstate"):
        assert_chinese(client.get(reverse(f"admin:gallery_{name}_changelist")))
    for found in (*Image.objects.all(), *Job.objects.all()):
        model = found._meta.model_name
        assert_chinese(client.get(reverse(f"admin:gallery_{model}_change", args=[found.pk])))
    for action in ("add_tags", "remove_tags", "change_visibility", "delete_selected"):
        chosen = {"action": action, "_selected_action": [picture.pk]}
        assert_chinese(client.post(reverse("admin:gallery_image_changelist"), chosen))


def test_switch_overrules_the_browser(db):
    client = Client(headers=ENGLISH)
    assert 'lang="en"' in text_of(client.get("/"))

    answer = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/search/"})

    assert answer.url == "/search/"
    assert_chinese(client.get("/"))
    client.post(reverse("set_language"), {"language": "en", "next": "/"})
    assert 'lang="en"' in text_of(client.get("/", headers=CHINESE))


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("zh-CN", "zh-hans"), ("zh-SG", "zh-hans"), ("zh", "zh-hans"), ("de, en;q=0.5", "en"), ("fr", "en"), ("", "en")],
)
def test_browser_chooses_the_language(db, wanted, language):
    assert f'<html lang="{language}">' in text_of(Client().get("/", headers={"Accept-Language": wanted}))


def test_mail_is_chinese(alice):
    Client(headers=CHINESE).post("/accounts/password-reset/", {"email": alice.email})
    wait_until_done()

    [sent] = mail.outbox
    assert sent.subject == "图像搜索：设置新密码"
    assert "账号 alice 设置新密码" in sent.body
    assert LEFTOVER.findall(sent.body) == []


def test_api_errors_are_in_the_language_of_the_request(alice, picture):
    pending = Image.objects.pending().get()
    questions = {
        "/api/v1/search/?q=": "搜索内容为空。请输入图片中的内容，或选择一张图片。",
        "/api/v1/search/?q=red&top=0": "结果数量为“0”，必须是 1 到 200 之间的整数。",
        "/api/v1/images/?page_size=0": "page_size: 必须是 1 到 200 之间的整数。",
        "/api/v1/images/0/": "此地址没有任何内容。",
        "/api/v1/nothing/": "此地址没有任何内容。",
        f"/api/v1/images/{pending.pk}/similar/": (
            f"图片 {pending.pk} 尚不可搜索（等待处理），因此暂时无法与其他图片比较。"
        ),
    }

    told = {address: chinese(alice).get(address).json()["message"] for address in questions}
    english = [as_user(alice).get(address, headers=ENGLISH).json() for address in questions]

    assert told == questions
    assert all(answer["message"].isascii() or "“" in answer["message"] for answer in english)
    assert english[-1]["details"]["status"] == "pending"

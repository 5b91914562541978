"""What people call the things that encoders recognise, whose own names are COCO's."""

from dataclasses import dataclass

# COCO's name: English words, one/several | Chinese words
_WORDS = """
person: person/people, human/humans, man/men, woman/women, \
child/children, boy/boys, girl/girls, kid/kids, lady/ladies, guy/guys | \
人 人物 男人 女人 孩子 小孩 儿童 男孩 女孩 男孩子 女孩子 小朋友 老人 行人 男士 女士
bicycle: bicycle/bicycles, bike/bikes | 自行车 单车 脚踏车
car: car/cars, automobile/automobiles, taxi/taxis | 汽车 轿车 小汽车 车 跑车 出租车 小车
motorcycle: motorcycle/motorcycles, motorbike/motorbikes, scooter/scooters | 摩托车 机车 摩托
airplane: airplane/airplanes, aeroplane/aeroplanes, plane/planes, aircraft/aircraft | 飞机 客机
bus: bus/buses, coach/coaches | 公交车 公共汽车 巴士 大巴
train: train/trains | 火车 列车
truck: truck/trucks, lorry/lorries | 卡车 货车
boat: boat/boats, ship/ships | 船 小船 轮船 帆船
traffic light: traffic light/traffic lights | 红绿灯 交通灯 信号灯
fire hydrant: fire hydrant/fire hydrants, hydrant/hydrants | 消防栓 消火栓
stop sign: stop sign/stop signs | 停车标志 停止标志
parking meter: parking meter/parking meters | 停车计时器 停车收费表
bench: bench/benches | 长椅 长凳
bird: bird/birds | 鸟 小鸟 鸟儿
cat: cat/cats, kitten/kittens, kitty/kitties | 猫 小猫 猫咪
dog: dog/dogs, puppy/puppies | 狗 小狗 狗狗 犬
horse: horse/horses, pony/ponies | 马 骏马 小马
sheep: sheep/sheep, lamb/lambs | 羊 绵羊
cow: cow/cows, cattle/cattle, bull/bulls | 牛 奶牛
elephant: elephant/elephants | 大象 象 小象
bear: bear/bears | 熊 棕熊 北极熊
zebra: zebra/zebras | 斑马
giraffe: giraffe/giraffes | 长颈鹿
backpack: backpack/backpacks, rucksack/rucksacks | 背包 双肩包 书包
umbrella: umbrella/umbrellas, parasol/parasols | 雨伞 伞 遮阳伞
handbag: handbag/handbags, purse/purses | 手提包 皮包
tie: tie/ties, necktie/neckties | 领带
suitcase: suitcase/suitcases | 行李箱 旅行箱
frisbee: frisbee/frisbees | 飞盘
skis: ski/skis | 滑雪板
snowboard: snowboard/snowboards | 单板滑雪板
sports ball: ball/balls | 球 皮球
kite: kite/kites | 风筝
baseball bat: baseball bat/baseball bats | 棒球棒 球棒
baseball glove: baseball glove/baseball gloves | 棒球手套
skateboard: skateboard/skateboards | 滑板
surfboard: surfboard/surfboards | 冲浪板
tennis racket: tennis racket/tennis rackets | 网球拍 球拍
bottle: bottle/bottles | 瓶子 酒瓶 水瓶
wine glass: wine glass/wine glasses | 酒杯 红酒杯 高脚杯
cup: cup/cups, mug/mugs | 杯子 茶杯 马克杯
fork: fork/forks | 叉子 餐叉
knife: knife/knives | 刀 餐刀
spoon: spoon/spoons | 勺子 汤匙
bowl: bowl/bowls | 碗
banana: banana/bananas | 香蕉
apple: apple/apples | 苹果
sandwich: sandwich/sandwiches | 三明治
orange: orange/oranges | 橙子 橘子
broccoli: broccoli/broccoli | 西兰花 西蓝花
carrot: carrot/carrots | 胡萝卜
hot dog: hot dog/hot dogs, hotdog/hotdogs | 热狗
pizza: pizza/pizzas | 披萨 比萨
donut: donut/donuts, doughnut/doughnuts | 甜甜圈
cake: cake/cakes | 蛋糕
chair: chair/chairs | 椅子 座椅
couch: couch/couches, sofa/sofas | 沙发
potted plant: potted plant/potted plants, houseplant/houseplants | 盆栽
bed: bed/beds | 床
dining table: dining table/dining tables, table/tables | 餐桌 桌子
toilet: toilet/toilets | 马桶
tv: tv/tvs, television/televisions, monitor/monitors | 电视 电视机 显示器
laptop: laptop/laptops | 笔记本电脑
mouse: computer mouse/computer mice | 鼠标
remote: remote/remotes, remote control/remote controls | 遥控器
keyboard: keyboard/keyboards | 键盘
cell phone: cell phone/cell phones, phone/phones, smartphone/smartphones, mobile phone/mobile phones | 手机 智能手机
microwave: microwave/microwaves | 微波炉
oven: oven/ovens | 烤箱
toaster: toaster/toasters | 烤面包机
sink: sink/sinks | 水槽
refrigerator: refrigerator/refrigerators, fridge/fridges | 冰箱
book: book/books | 书 书本
clock: clock/clocks | 钟 时钟
vase: vase/vases | 花瓶
scissors: scissors/scissors | 剪刀
teddy bear: teddy bear/teddy bears | 泰迪熊 毛绒熊 玩具熊
hair drier: hair dryer/hair dryers, hair drier/hair driers | 吹风机 电吹风
toothbrush: toothbrush/toothbrushes | 牙刷
"""

# What begins or ends with the word of a thing and is another one, or none.
_COMPOUNDS = """
熊猫 大熊猫 猫头鹰 河马 海马 蜗牛 犀牛 海象 马路 马车 马戏 马拉松 斑马线 人行道
人行横道 机器人 稻草人 雪人 人群 人像 人民币 牛奶 牛仔裤 牛仔 牛排 牛油果 羊毛
羊肉 牛肉 鱼船 船长 车站 火车站 汽车站 公交车站 停车场 车厢 车轮 车库 购物车
婴儿车 缆车 消防车 救护车 警车 挖掘机 拖拉机 书店 书架 书桌 书房 书柜 床单
床头柜 钟楼 钟表店 球场 足球场 篮球场 网球场 足球 篮球 网球 排球 气球 地球
羽毛球 乒乓球 狗屋 狗粮 猫粮 猫砂 鸟巢 鸟笼 刀叉 手机壳 电视塔 苹果手机 苹果电脑
苹果树 苹果派 苹果汁 橙子汁 蛋糕店 披萨店 飞机场 自行车道 自行车店 小马驹 洗碗机
碗柜 花瓶店 热狗店 汽车旅馆
"""
COMPOUNDS = frozenset(_COMPOUNDS.split())


@dataclass(frozen=True, slots=True)
class ThingWords:
    """COCO's name of each word: English ones of one thing, of several, and Chinese ones."""

    one: dict[str, str]
    several: dict[str, str]
    chinese: dict[str, str]


def _read() -> ThingWords:
    words = ThingWords({}, {}, {})
    for line in _WORDS.strip().splitlines():
        name, called = line.split(": ")
        english, chinese = called.split(" | ")
        for pair in english.split(", "):
            one, several = pair.split("/")
            words.one[one], words.several[several] = name, name
        words.chinese.update(dict.fromkeys(chinese.split(), name))
    return words


THING_WORDS = _read()

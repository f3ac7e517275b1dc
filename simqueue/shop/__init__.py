"""The shop whose jobs are studied: its orders, stock, payments and emails. It knows no queue."""

from simqueue.shop.catalogue import Product, made_up_stock, read_catalogue
from simqueue.shop.gateway import Conditions, GatewayError, payment_key
from simqueue.shop.orders import BadRowsError, Order, OrderLine, read_orders
from simqueue.shop.shop import Shop, open_shop
from simqueue.shop.states import OrderState

__all__ = [
    "BadRowsError",
    "Conditions",
    "GatewayError",
    "Order",
    "OrderLine",
    "OrderState",
    "Product",
    "Shop",
    "made_up_stock",
    "open_shop",
    "payment_key",
    "read_catalogue",
    "read_orders",
]
